-- +goose Up
CREATE TABLE blocks (
    owner_id   BINARY(16) NOT NULL,
    blocked_id BINARY(16) NOT NULL,
    since      BIGINT     NOT NULL,
    PRIMARY KEY (owner_id, blocked_id)
);
