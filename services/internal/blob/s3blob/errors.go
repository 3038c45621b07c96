// SPDX-License-Identifier: Apache-2.0

package s3blob

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/certificate"
)

// code of an error that the store answered, "" for all others.
func code(err error) string {
	if answered, ok := errors.AsType[smithy.APIError](err); ok {
		return answered.ErrorCode()
	}
	return ""
}

// status of the answer that an error came with, 0 without one.
func status(err error) int {
	if answered, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answered.Response != nil {
		return answered.HTTPStatusCode()
	}
	return 0
}

// classify says what an error means to who uses a store. It holds no secret: the library's errors name
// neither keys nor signatures, and what a store explains is left out.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", blob.ErrUnavailable, ctx.Err())
	}
	if certificate.IsRefusal(err) {
		return fmt.Errorf("%w: %w", blob.ErrCertificate, err)
	}
	if status(err) == 0 {
		return fmt.Errorf("%w: %w", blob.ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %q, status %d", meaning(code(err), status(err)), code(err), status(err))
}

// meaning of an answer, by its code first: many servers are careless about the status.
func meaning(code string, status int) error {
	switch code {
	case "NoSuchKey", "NotFound", "NoSuchUpload":
		return blob.ErrNotFound
	case "InvalidPart", "InvalidPartOrder", "EntityTooSmall":
		return blob.ErrNotFound // what was appended is there no longer
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture":
		return blob.ErrClock
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
		"AllAccessDisabled", "AccountProblem", "InvalidSecurity", "UnrecognizedClientException", "AuthFailure",
		"XAdminUserNotFound": // of versitygw, with status 404
		return blob.ErrForbidden
	case "NoSuchBucket", "InvalidBucketName", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException",
		"NotImplemented", "MethodNotAllowed", "InvalidRegion":
		return blob.ErrUnfit
	case "PreconditionFailed":
		return blob.ErrDamaged // another object lies there now
	case "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling", "ThrottlingException", "TooManyRequests",
		"QuotaExceeded", "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", "OperationAborted":
		return blob.ErrUnavailable
	}
	switch {
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status == http.StatusConflict:
		return blob.ErrUnavailable
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return blob.ErrForbidden
	default:
		return blob.ErrUnfit // what answers is no store, or not one that can be used
	}
}
