-- +goose Up
CREATE UNIQUE INDEX files_key ON files (owner_id, idempotency_key);
