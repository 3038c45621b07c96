-- +goose Up
CREATE TABLE retired_usernames (
    username      VARBINARY(32) NOT NULL PRIMARY KEY,
    user_id       BINARY(16)    NOT NULL,
    blocked_until BIGINT        NOT NULL
);
