-- +goose Up
ALTER TABLE accounts ADD COLUMN credentials_rev BIGINT NOT NULL DEFAULT 0;
