// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/api/component"
	identityv1 "github.com/parley-chat/parley/api/gen/parley/identity/v1"
	"github.com/parley-chat/parley/services/internal/ids"
)

const (
	// validity of a claim; the next retry signs anew. Chosen: longer than any call (30 s cap) needs to
	// start, short enough that a stolen header is of little use.
	validity = 30 * time.Second
	// clockSkew that two nodes may have before a claim looks as if it lived too long; chosen.
	clockSkew = 5 * time.Second
	// maxHeaderBytes is far above what Sign makes (about 400 bytes) and bounds the work of a check.
	maxHeaderBytes = 2048
)

// Sign makes the header's value for a call to audience. The issuer is the owner of the keys, whatever
// caller says. It fails only for keys without a private half.
func (k Keys) Sign(caller Caller, audience component.Name, now time.Time) (string, error) {
	if len(k.private) != ed25519.PrivateKeySize {
		return "", fmt.Errorf("sign for %s: no private key of %q", audience, k.self)
	}
	claims, err := proto.Marshal(k.claims(caller, audience, now))
	if err != nil {
		return "", fmt.Errorf("sign for %s: %w", audience, err)
	}
	signed, err := proto.Marshal(&identityv1.Signed{
		Claims:    claims,
		Signature: ed25519.Sign(k.private, claims),
	})
	if err != nil {
		return "", fmt.Errorf("sign for %s: %w", audience, err)
	}
	return base64.StdEncoding.EncodeToString(signed), nil
}

func (k Keys) claims(caller Caller, audience component.Name, now time.Time) *identityv1.Claims {
	claims := &identityv1.Claims{
		Issuer:        string(k.self),
		Audience:      string(audience),
		ExpiresAt:     now.Add(validity).UnixMilli(),
		RequestId:     caller.RequestID,
		ClientAddress: caller.ClientAddress,
	}
	if !caller.UserID.IsZero() {
		claims.UserId = caller.UserID.String()
		claims.Role = caller.Role
		claims.ReceiptsHidden = caller.ReceiptsHidden
		claims.LoginSessionId = caller.LoginSessionID.Optional()
		claims.DeviceId = caller.DeviceID.Optional()
	}
	return claims
}

// Verify checks a header's value as component self does and answers who calls. Every refusal is
// ErrRefused; its cause, for logs, says which check failed.
func (k Keys) Verify(header string, self component.Name, now time.Time) (Caller, error) {
	claims, err := k.open(header)
	if err != nil {
		return Caller{}, ErrRefused.Because(err)
	}
	if err := checkClaims(claims, self, now); err != nil {
		return Caller{}, ErrRefused.Because(err)
	}
	caller, err := toCaller(claims)
	if err != nil {
		return Caller{}, ErrRefused.Because(err)
	}
	return caller, nil
}

// open takes the envelope apart and checks the signature before anything in it is believed.
func (k Keys) open(header string) (*identityv1.Claims, error) {
	if header == "" || len(header) > maxHeaderBytes {
		return nil, fmt.Errorf("identity header of %d bytes", len(header))
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(header)
	if err != nil {
		return nil, fmt.Errorf("identity is not base64: %w", err)
	}
	var signed identityv1.Signed
	if err := proto.Unmarshal(raw, &signed); err != nil {
		return nil, fmt.Errorf("identity is not a signed claim: %w", err)
	}
	var claims identityv1.Claims
	if err := proto.Unmarshal(signed.GetClaims(), &claims); err != nil {
		return nil, fmt.Errorf("identity holds no claims: %w", err)
	}
	// The issuer is read from what is not yet proven, only to choose the key that proves it.
	for _, public := range k.public[component.Name(claims.GetIssuer())] {
		if ed25519.Verify(public, signed.GetClaims(), signed.GetSignature()) {
			return &claims, nil
		}
	}
	return nil, errSignature
}

func checkClaims(claims *identityv1.Claims, self component.Name, now time.Time) error {
	switch expires := time.UnixMilli(claims.GetExpiresAt()); {
	case claims.GetAudience() != string(self):
		return errAudience
	case !now.Before(expires):
		return errExpired
	case expires.After(now.Add(validity + clockSkew)):
		return errTooLong
	}
	return nil
}

func toCaller(claims *identityv1.Claims) (Caller, error) {
	caller := Caller{
		Issuer:        component.Name(claims.GetIssuer()),
		RequestID:     claims.GetRequestId(),
		ClientAddress: claims.GetClientAddress(),
		Role:          claims.GetRole(),
	}
	if claims.GetUserId() == "" {
		if claims.GetLoginSessionId() != "" || claims.GetDeviceId() != "" || claims.GetRole() != 0 || claims.GetReceiptsHidden() {
			return Caller{}, errNoUser
		}
		return caller, nil
	}
	caller.ReceiptsHidden = claims.GetReceiptsHidden()
	var err error
	if caller.UserID, err = ids.ParseUser("user_id", claims.GetUserId()); err != nil {
		return Caller{}, err
	}
	if text := claims.GetLoginSessionId(); text != "" {
		if caller.LoginSessionID, err = ids.ParseLoginSession("login_session_id", text); err != nil {
			return Caller{}, err
		}
	}
	if text := claims.GetDeviceId(); text != "" {
		if caller.DeviceID, err = ids.ParseDevice("device_id", text); err != nil {
			return Caller{}, err
		}
	}
	return caller, nil
}
