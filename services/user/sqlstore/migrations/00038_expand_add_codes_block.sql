-- +goose Up
ALTER TABLE codes ADD COLUMN block BINARY(32) NULL;
