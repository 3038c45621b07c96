-- +goose Up
CREATE TABLE uses (
    scope   BINARY(32) NOT NULL,
    used_at BIGINT     NOT NULL,
    id      BINARY(16) NOT NULL,
    PRIMARY KEY (scope, used_at, id)
);
