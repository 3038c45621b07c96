-- +goose Up
CREATE TABLE login_sessions (
    id           BINARY(16)     NOT NULL PRIMARY KEY,
    user_id      BINARY(16)     NOT NULL,
    device_id    BINARY(16)     NOT NULL,
    device_name  VARBINARY(256) NOT NULL,
    token_hash   BINARY(32)     NOT NULL,
    created_at   BIGINT         NOT NULL,
    last_used_at BIGINT         NOT NULL,
    ended_at     BIGINT         NOT NULL,
    end_reason   SMALLINT       NOT NULL
);
