-- +goose Up
CREATE UNIQUE INDEX accounts_phone ON accounts (phone);
