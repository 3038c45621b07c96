-- +goose Up
CREATE INDEX files_expiry ON files (state, expires_at);
