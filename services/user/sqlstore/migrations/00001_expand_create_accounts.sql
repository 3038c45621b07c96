-- +goose Up
CREATE TABLE accounts (
    id            BINARY(16)      NOT NULL PRIMARY KEY,
    username      VARBINARY(32)   NOT NULL,
    nickname      VARBINARY(128)  NOT NULL,
    nickname_key  VARBINARY(192)  NOT NULL,
    description   VARBINARY(1024) NOT NULL,
    password_hash VARBINARY(255)  NOT NULL,
    created_at    BIGINT          NOT NULL
);
