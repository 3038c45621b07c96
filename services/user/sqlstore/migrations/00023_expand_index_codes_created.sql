-- +goose Up
CREATE INDEX codes_created_at ON codes (created_at);
