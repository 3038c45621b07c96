-- +goose Up
ALTER TABLE members ADD COLUMN left_name VARBINARY(256) NULL;
