-- +goose Up
CREATE TABLE citations (
    file_id           BINARY(16) NOT NULL,
    kind              SMALLINT   NOT NULL,
    holder_id         BINARY(16) NOT NULL,
    client_message_id BINARY(16) NOT NULL,
    cited_at          BIGINT     NOT NULL,
    due_at            BIGINT     NOT NULL,
    PRIMARY KEY (file_id, kind, holder_id, client_message_id)
);
