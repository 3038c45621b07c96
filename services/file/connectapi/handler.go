// SPDX-License-Identifier: Apache-2.0

// Package connectapi answers the calls of FileService.
//
// A handler converts, calls the domain and converts back; it decides nothing. Who may call is checked
// before, by rpcserver.
package connectapi

import (
	"context"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Handler implements filev1connect.FileServiceHandler.
type Handler struct{ service *file.Service }

// New answers from a service.
func New(service *file.Service) Handler { return Handler{service} }

// CreateUpload announces a file.
func (h Handler) CreateUpload(ctx context.Context, r *filev1.CreateUploadRequest) (*filev1.CreateUploadResponse, error) {
	key, err := ids.ParseIdempotencyKey("idempotency_key", r.GetIdempotencyKey())
	if err != nil {
		return nil, err
	}
	announced := file.Announcement{
		Owner: identity.FromContext(ctx).UserID, Purpose: file.Purpose(r.GetPurpose()), Name: r.GetName(), Size: r.GetSize(),
		ContentType: r.GetContentType(), Key: key,
	}
	copy(announced.Hash[:], r.GetSha256())
	f, err := h.service.Create(ctx, announced)
	if err != nil {
		return nil, err
	}
	return &filev1.CreateUploadResponse{
		FileId: f.ID.String(), Url: file.Path + f.ID.String(), Offset: f.Upload.Offset, ExpiresAt: f.ExpiresAt,
		Complete: f.State == file.Complete, Presigned: toPresigned(h.service.Presign(ctx, f)),
	}, nil
}

// CompleteUpload makes an upload a file.
func (h Handler) CompleteUpload(ctx context.Context, r *filev1.CompleteUploadRequest) (*filev1.CompleteUploadResponse, error) {
	id, err := ids.ParseFile("file_id", r.GetFileId())
	if err != nil {
		return nil, err
	}
	caller := identity.FromContext(ctx).UserID
	f, err := h.service.Complete(ctx, caller, id)
	if err != nil {
		return nil, err
	}
	return &filev1.CompleteUploadResponse{File: toSeen(h.service.Show(ctx, caller, f, way(r)))}, nil
}

// GetFile answers a file with links.
func (h Handler) GetFile(ctx context.Context, r *filev1.GetFileRequest) (*filev1.GetFileResponse, error) {
	id, err := ids.ParseFile("file_id", r.GetFileId())
	if err != nil {
		return nil, err
	}
	seen, err := h.service.Get(ctx, identity.FromContext(ctx).UserID, id, way(r))
	if err != nil {
		return nil, err
	}
	return &filev1.GetFileResponse{File: toSeen(seen)}, nil
}

// BatchGetFiles answers many files.
func (h Handler) BatchGetFiles(ctx context.Context, r *filev1.BatchGetFilesRequest) (*filev1.BatchGetFilesResponse, error) {
	wanted, err := fileIDs(r.GetFileIds())
	if err != nil {
		return nil, err
	}
	seen, err := h.service.BatchGet(ctx, identity.FromContext(ctx).UserID, wanted, way(r))
	if err != nil {
		return nil, err
	}
	return toBatch(wanted, seen), nil
}

// DeleteFile removes a file.
func (h Handler) DeleteFile(ctx context.Context, r *filev1.DeleteFileRequest) (*filev1.DeleteFileResponse, error) {
	id, err := ids.ParseFile("file_id", r.GetFileId())
	if err != nil {
		return nil, err
	}
	if err := h.service.Delete(ctx, identity.FromContext(ctx).UserID, id); err != nil {
		return nil, err
	}
	return &filev1.DeleteFileResponse{}, nil
}

// Cite notes what is about to be shown.
func (h Handler) Cite(ctx context.Context, r *filev1.CiteRequest) (*filev1.CiteResponse, error) {
	wishes, err := fromItems(r.GetItems())
	if err != nil {
		return nil, err
	}
	files, err := h.service.Cite(ctx, wishes)
	if err != nil {
		return nil, err
	}
	response := &filev1.CiteResponse{}
	for _, f := range files {
		result := &filev1.CiteResponse_Result{}
		if f != nil {
			result.File = toFile(*f)
		}
		response.Results = append(response.Results, result)
	}
	return response, nil
}
