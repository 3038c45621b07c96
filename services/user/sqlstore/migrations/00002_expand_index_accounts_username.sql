-- +goose Up
CREATE UNIQUE INDEX accounts_username ON accounts (username);
