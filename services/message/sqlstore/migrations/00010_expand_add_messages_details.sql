-- +goose Up
ALTER TABLE messages ADD COLUMN details BLOB NULL;
