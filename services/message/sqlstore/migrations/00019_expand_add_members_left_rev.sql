-- +goose Up
ALTER TABLE members ADD COLUMN left_rev BIGINT NULL;
