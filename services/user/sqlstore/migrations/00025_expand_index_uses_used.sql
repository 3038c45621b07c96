-- +goose Up
CREATE INDEX uses_used_at ON uses (used_at);
