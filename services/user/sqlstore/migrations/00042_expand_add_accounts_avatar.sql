-- +goose Up
ALTER TABLE accounts ADD COLUMN avatar_file_id BINARY(16);
