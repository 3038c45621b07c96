-- +goose Up
ALTER TABLE accounts ADD COLUMN phone VARBINARY(16);
