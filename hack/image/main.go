// SPDX-License-Identifier: Apache-2.0

// Command image makes a container image of one static program, without Docker.
//
// The result is a tar with an OCI layout, as `ctr images import` reads it. The image has no shell: the
// program, the certificates of public authorities, and an empty /tmp; it runs as user 65532. With -root it has the
// files of a folder, too, in a layer of their own below. The same program and files give the same digest.
package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// certificates of public authorities, where Debian has them; without the file the image has none.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

func main() {
	o := options{}
	flag.StringVar(&o.name, "name", "", "name of the image with tag, for example parley-chat/parley:0.1.0")
	flag.StringVar(&o.binary, "binary", "", "static program that the image runs")
	flag.StringVar(&o.out, "o", "", "tar to write")
	flag.StringVar(&o.user, "user", "65532:65532", "user and group")
	flag.StringVar(&o.root, "root", "", "folder whose files are in the image, too; programs lie in its usr/bin")
	flag.StringVar(&o.licenses, "licenses", "Apache-2.0", "licenses for the label, as SPDX writes them")
	flag.StringVar(&o.version, "version", "", "version for the label; by default the tag")
	flag.Parse()
	if err := o.write(); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

type options struct {
	name, binary, out, user, version, root, licenses string
}

func (o options) write() error {
	if o.name == "" || o.binary == "" || o.out == "" {
		return errors.New("-name, -binary and -o are needed: image -name parley-chat/parley:0.1.0 -binary bin/parley -o parley.tar")
	}
	tag, err := name.NewTag(o.name, name.WeakValidation)
	if err != nil {
		return err
	}
	image, err := o.image(tag)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	written, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	// ctr takes the name from this annotation.
	annotations := map[string]string{"io.containerd.image.name": strings.TrimPrefix(tag.Name(), "index."), "org.opencontainers.image.ref.name": tag.TagStr()}
	if err := written.AppendImage(image, layout.WithAnnotations(annotations)); err != nil {
		return err
	}
	return pack(dir, o.out)
}

func (o options) image(tag name.Tag) (v1.Image, error) {
	layers, err := o.layers()
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", architecture()
	if o.version == "" {
		o.version = tag.TagStr()
	}
	program, search := "/"+filepath.Base(o.binary), "PATH=/"
	if o.root != "" {
		search = "PATH=/:/usr/bin"
	}
	file.Config = v1.Config{
		Entrypoint: []string{program}, User: o.user, WorkingDir: "/",
		Env: []string{search, "SSL_CERT_FILE=" + certificates},
		Labels: map[string]string{
			"org.opencontainers.image.title": path.Base(tag.RepositoryStr()), "org.opencontainers.image.version": o.version,
			"org.opencontainers.image.licenses": o.licenses,
		},
	}
	return mutate.ConfigFile(image, file)
}

// architecture of the program: that of this machine, or what cross compilation was told.
func architecture() string {
	if arch := os.Getenv("GOARCH"); arch != "" {
		return arch
	}
	return runtime.GOARCH
}

// layers begin with what changes least: who has it does not fetch it again with the next version.
func (o options) layers() ([]v1.Layer, error) {
	var contents [][]byte
	if o.root != "" {
		var content bytes.Buffer
		if err := archive(o.root, &content); err != nil {
			return nil, err
		}
		contents = append(contents, content.Bytes())
	}
	own, err := o.layer()
	if err != nil {
		return nil, err
	}
	var layers []v1.Layer
	for _, content := range append(contents, own) {
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil })
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	return layers, nil
}

// archive writes a folder, in order of name, with fixed times and owners.
func archive(root string, out io.Writer) error {
	w := tar.NewWriter(out)
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: name, Mode: int64(info.Mode().Perm()), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
		switch {
		case entry.IsDir():
			header.Typeflag, header.Name = tar.TypeDir, name+"/"
			return w.WriteHeader(header)
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is neither a file nor a folder", path)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		header.Typeflag, header.Size = tar.TypeReg, int64(len(content))
		return errors.Join(w.WriteHeader(header), writeAll(w, content))
	})
	return errors.Join(err, w.Close())
}

// layer is one tar with fixed times and owners.
func (o options) layer() ([]byte, error) {
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	program, err := os.ReadFile(o.binary)
	if err != nil {
		return nil, err
	}
	dir := func(path string, mode int64) error {
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: path, Mode: mode, ModTime: time.Unix(0, 0), Format: tar.FormatPAX})
	}
	file := func(path string, mode int64, text []byte) error {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: mode, Size: int64(len(text)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
		return errors.Join(w.WriteHeader(header), writeAll(w, text))
	}
	err = errors.Join(
		dir("tmp/", 0o1777), dir("etc/", 0o755), dir("etc/ssl/", 0o755), dir("etc/ssl/certs/", 0o755),
		file("etc/passwd", 0o644, []byte("root:x:0:0:root:/:/none\nnonroot:x:65532:65532:nonroot:/tmp:/none\n")),
		file("etc/group", 0o644, []byte("root:x:0:\nnonroot:x:65532:\n")),
	)
	if trusted, missing := os.ReadFile(certificates); missing == nil {
		err = errors.Join(err, file(strings.TrimPrefix(certificates, "/"), 0o644, trusted))
	}
	err = errors.Join(err, file(filepath.Base(o.binary), 0o755, program), w.Close())
	return content.Bytes(), err
}

func writeAll(w io.Writer, text []byte) error {
	_, err := w.Write(text)
	return err
}

// pack writes the files of a folder to a tar, in order of name.
func pack(dir, out string) (err error) {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	w := tar.NewWriter(file)
	err = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: relative, Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(0, 0)}
		return errors.Join(w.WriteHeader(header), writeAll(w, content))
	})
	return errors.Join(err, w.Close(), file.Close())
}
