-- +goose Up
CREATE TABLE audit_entries (
    id             BINARY(16)      NOT NULL PRIMARY KEY,
    created_at     BIGINT          NOT NULL,
    actor_id       BINARY(16)      NOT NULL,
    action         VARBINARY(64)   NOT NULL,
    target_id      BINARY(16)      NOT NULL,
    reason         VARBINARY(1024) NOT NULL,
    detail         VARBINARY(255)  NOT NULL,
    client_address VARBINARY(64)   NOT NULL,
    request_id     VARBINARY(64)   NOT NULL
);
