-- +goose Up
ALTER TABLE conversations ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0;
