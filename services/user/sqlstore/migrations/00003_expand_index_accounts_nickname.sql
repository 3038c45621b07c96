-- +goose Up
CREATE INDEX accounts_nickname_key ON accounts (nickname_key, id);
