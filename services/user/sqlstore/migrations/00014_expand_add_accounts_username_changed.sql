-- +goose Up
ALTER TABLE accounts ADD COLUMN username_changed_at BIGINT NOT NULL DEFAULT 0;
