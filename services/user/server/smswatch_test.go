// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/parley-chat/parley/api/component"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/server"
)

// status reads what the pod tells of itself.
func (r *running) status(t *testing.T) component.Status {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.ops+component.StatusPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var status component.Status
	if err := json.NewDecoder(response.Body).Decode(&status); err != nil {
		t.Fatal(err)
	}
	return status
}

// With the provider of codes away, accounts by password work, whoever asks for a code hears why there is none,
// and the status names what is away.
func TestF55_AProviderThatIsAwayIsNamedAndPasswordsWork(t *testing.T) {
	t.Parallel()
	r := startWith(t, sqliteDSN(t), server.SMSConfig{
		Provider: server.ProviderWebhook, URL: secret.New("https://127.0.0.1:1/send"), SigningKey: secret.New("key"), DailyBudget: 100,
	})
	auth := r.auth(t)
	for i, phone := range []string{"+8613800000000", "+8613900000001", "+8613700000002"} {
		if class := r.status(t).Dependencies[component.SMS]; class != "" {
			t.Errorf("after %d messages the provider is %s", i, class)
		}
		_, err := auth.RequestCode(t.Context(), &userv1.RequestCodeRequest{Phone: phone, Purpose: userv1.CodePurpose_CODE_PURPOSE_LOGIN})
		if !errors.Is(err, user.ErrSMSUnavailable) {
			t.Errorf("code %d: %v, want SMS_UNAVAILABLE", i, err)
		}
	}
	status := r.status(t)
	if status.Dependencies[component.SMS] != component.ClassUnreachable || !status.Ready {
		t.Errorf("status %+v, want a ready pod whose provider is away", status)
	}
	made, err := auth.Register(t.Context(), &userv1.RegisterRequest{Username: "li.wei", Nickname: "Li", Password: password, Device: newDevice()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := auth.Login(t.Context(), &userv1.LoginRequest{Username: "li.wei", Password: password, Device: newDevice()}); err != nil {
		t.Errorf("login of %s: %v", made.GetUser().GetUser().GetUserId(), err)
	}
}

func TestAProviderThatSendsIsReachable(t *testing.T) {
	t.Parallel()
	r := start(t, sqliteDSN(t))
	codeOf(t, r, r.auth(t), "+8613800000000", userv1.CodePurpose_CODE_PURPOSE_LOGIN)
	if class := r.status(t).Dependencies[component.SMS]; class != component.ClassReachable {
		t.Errorf("the provider is %q", class)
	}
}
