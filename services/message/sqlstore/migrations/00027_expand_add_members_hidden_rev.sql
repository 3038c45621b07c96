-- +goose Up
ALTER TABLE members ADD COLUMN hidden_rev BIGINT NOT NULL DEFAULT 0;
