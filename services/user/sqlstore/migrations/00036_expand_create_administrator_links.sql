-- +goose Up
CREATE TABLE administrator_links (
    token_hash BINARY(32) NOT NULL PRIMARY KEY,
    expires_at BIGINT     NOT NULL
);
