-- +goose Up
CREATE UNIQUE INDEX messages_client_message_id_sender_id ON messages (client_message_id, sender_id);
