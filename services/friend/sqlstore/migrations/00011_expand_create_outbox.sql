-- +goose Up
CREATE TABLE outbox (
    id          BINARY(16)    NOT NULL PRIMARY KEY,
    routing_key VARBINARY(64) NOT NULL,
    payload     BLOB          NOT NULL,
    created_at  BIGINT        NOT NULL
);
