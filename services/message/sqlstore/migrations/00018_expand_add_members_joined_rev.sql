-- +goose Up
ALTER TABLE members ADD COLUMN joined_rev BIGINT NOT NULL DEFAULT 0;
