-- +goose Up
ALTER TABLE conversations ADD COLUMN avatar_file_id BINARY(16) NULL;
