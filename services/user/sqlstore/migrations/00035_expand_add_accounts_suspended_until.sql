-- +goose Up
ALTER TABLE accounts ADD COLUMN suspended_until BIGINT NOT NULL DEFAULT 0;
