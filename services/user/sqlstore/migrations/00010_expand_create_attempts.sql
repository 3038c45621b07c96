-- +goose Up
CREATE TABLE attempts (
    id            BINARY(32) NOT NULL PRIMARY KEY,
    failure_count INTEGER    NOT NULL,
    charged_at    BIGINT     NOT NULL,
    blocked_until BIGINT     NOT NULL
);
