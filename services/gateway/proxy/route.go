// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/parley-chat/parley/api/component"
	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	speechv1 "github.com/parley-chat/parley/api/gen/parley/speech/v1"
	"github.com/parley-chat/parley/api/gen/parley/speech/v1/speechv1connect"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
)

// route is one method that people may call.
type route struct {
	path      string // "/parley.user.v1.AuthService/Login"
	component component.Name
	// public methods need no token.
	public bool
	// user methods want one; a method may be both.
	user bool
	// admin methods want a user with a role; the component refuses those without, and notes it.
	admin bool
	// reads is MarkRead, which must know whether others may see it.
	reads bool
	// sends is MessageService/Send, which has a limit of its own.
	sends bool
	// large methods take more than maxBodyBytes.
	large bool
}

// packages names the contracts and who serves them.
func packages() map[protoreflect.FullName]component.Name {
	return map[protoreflect.FullName]component.Name{
		userv1.File_parley_user_v1_auth_proto.Package():          component.User,
		friendv1.File_parley_friend_v1_friend_proto.Package():    component.Friend,
		filev1.File_parley_file_v1_file_proto.Package():          component.File,
		messagev1.File_parley_message_v1_message_proto.Package(): component.Message,
		speechv1.File_parley_speech_v1_speech_proto.Package():    component.Speech,
		gatewayv1.File_parley_gateway_v1_session_proto.Package(): component.Gateway,
	}
}

// makeRoutes reads the routes from the contracts.
func makeRoutes() (map[string]route, error) {
	routes := map[string]route{}
	var err error
	for name, owner := range packages() {
		protoregistry.GlobalFiles.RangeFilesByPackage(name, func(file protoreflect.FileDescriptor) bool {
			err = addFile(routes, file, owner)
			return err == nil
		})
		if err != nil {
			return nil, err
		}
	}
	return routes, nil
}

func addFile(routes map[string]route, file protoreflect.FileDescriptor, owner component.Name) error {
	for i := range file.Services().Len() {
		methods := file.Services().Get(i).Methods()
		for j := range methods.Len() {
			r, open, err := toRoute(methods.Get(j), owner)
			if err != nil {
				return err
			}
			if open {
				routes[r.path] = r
			}
		}
	}
	return nil
}

// toRoute answers false for a method that only components may call.
func toRoute(method protoreflect.MethodDescriptor, owner component.Name) (r route, open bool, err error) {
	rules, ok := proto.GetExtension(method.Options(), accessv1.E_Access).([]*accessv1.Rule)
	if !ok || len(rules) == 0 {
		return r, false, fmt.Errorf("method %s has no access rule", method.FullName())
	}
	r = route{path: fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name()), component: owner}
	for _, rule := range rules {
		switch rule.GetLevel() {
		case accessv1.Level_LEVEL_PUBLIC:
			r.public = true
		case accessv1.Level_LEVEL_USER:
			r.user = true
		case accessv1.Level_LEVEL_ADMIN:
			r.user, r.admin = true, true
		case accessv1.Level_LEVEL_INTERNAL, accessv1.Level_LEVEL_UNSPECIFIED:
		}
	}
	r.reads = r.path == messagev1connect.ConversationServiceMarkReadProcedure
	r.sends = r.path == messagev1connect.MessageServiceSendProcedure
	r.large = r.path == speechv1connect.SpeechServiceRecognizeProcedure
	return r, r.public || r.user, nil
}

// isAPI tells paths that never show the web client.
func isAPI(path string) bool {
	return strings.HasPrefix(path, "/parley.") || path == "/v1" || strings.HasPrefix(path, "/v1/")
}

func isDocs(path string) bool {
	return path == DocsPath || strings.HasPrefix(path, DocsPath+"/")
}

func isSocket(path string) bool {
	return path == SocketPath || strings.HasPrefix(path, SocketPath+"/")
}
