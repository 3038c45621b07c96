-- +goose Up
ALTER TABLE members ADD COLUMN shown_seq BIGINT;
