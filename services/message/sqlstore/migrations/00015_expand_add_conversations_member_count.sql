-- +goose Up
ALTER TABLE conversations ADD COLUMN member_count INTEGER NOT NULL DEFAULT 0;
