-- +goose Up
CREATE TABLE codes (
    id         BINARY(16) NOT NULL PRIMARY KEY,
    mac        BINARY(32) NOT NULL,
    created_at BIGINT     NOT NULL,
    try_count  INTEGER    NOT NULL,
    used_at    BIGINT     NOT NULL
);
