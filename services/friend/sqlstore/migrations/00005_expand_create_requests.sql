-- +goose Up
CREATE TABLE requests (
    id              BINARY(16)     NOT NULL PRIMARY KEY,
    applicant_id    BINARY(16)     NOT NULL,
    respondent_id   BINARY(16)     NOT NULL,
    text            VARBINARY(400) NOT NULL,
    state           SMALLINT       NOT NULL,
    created_at      BIGINT         NOT NULL,
    decided_at      BIGINT         NOT NULL,
    idempotency_key BINARY(16)     NOT NULL
);
