// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"google.golang.org/protobuf/proto"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/test/integration/people"
)

const fileCalls = "parley.file.v1.FileService/"

func (c *cast) fileRows() []row {
	nothing := people.NewID()
	own := answers{"rest": notFound, "owner": ok}
	return []row{
		{fileCalls + "CreateUpload", "self", func(*people.Person) proto.Message {
			return people.Announce(filev1.Purpose_PURPOSE_FILE, "a.txt", []byte("hi"))
		}, all},
		{fileCalls + "GetFile", "of owner", &filev1.GetFileRequest{FileId: c.file}, own},
		{fileCalls + "GetFile", "unfinished", &filev1.GetFileRequest{FileId: c.draft}, none},
		{fileCalls + "GetFile", "missing", &filev1.GetFileRequest{FileId: nothing}, none},
		{fileCalls + "BatchGetFiles", "of owner", &filev1.BatchGetFilesRequest{FileIds: []string{c.file, nothing}}, all},
		{fileCalls + "CompleteUpload", "of owner", &filev1.CompleteUploadRequest{FileId: c.draft}, own},
		{fileCalls + "CompleteUpload", "missing", &filev1.CompleteUploadRequest{FileId: nothing}, none},
		{"parley.user.v1.UserService/UpdateProfile", "with the file of another", &userv1.UpdateProfileRequest{AvatarFileId: &c.file}, answers{"rest": "failed_precondition FILE_NOT_READY"}},
		{fileCalls + "DeleteFile", "of owner", &filev1.DeleteFileRequest{FileId: c.draft}, own},
		{fileCalls + "DeleteFile", "missing", &filev1.DeleteFileRequest{FileId: nothing}, none},
	}
}
