package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// file is one that is served, plain and packed.
type file struct {
	plain, packed []byte
	contentType   string
	tag           string // its entity tag: a hash of its content
}

// contentTypes are those of the endings that occur. The system's own table is not
// asked: it differs from machine to machine, and nosniff makes it matter.
func contentTypes(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".txt":
		return "text/plain; charset=utf-8"
	default:
		return ""
	}
}

// load reads all files below a folder, by the paths at which they are served, and
// compresses each, once.
func load(from fs.FS, folder string) (map[string]*file, error) {
	files := map[string]*file{}
	err := fs.WalkDir(from, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		plain, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		at := strings.TrimPrefix(name, folder)
		one, err := newFile(at, plain)
		if at == "/index.html" {
			at = "/"
		}
		files[at] = one
		return err
	})
	return files, err
}

func newFile(name string, plain []byte) (*file, error) {
	contentType := contentTypes(name)
	if contentType == "" {
		return nil, fmt.Errorf("%s has an ending that is not served", name)
	}
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := zip.Write(plain); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(plain)
	return &file{plain: plain, packed: packed.Bytes(), contentType: contentType, tag: hex.EncodeToString(sum[:12])}, nil
}

// editionPrefix begins the folders that are named for what is in them.
const editionPrefix = "v-"

// editionOf names the files, all together.
func editionOf(files map[string]*file) string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintln(sum, name, files[name].tag)
	}
	return editionPrefix + hex.EncodeToString(sum.Sum(nil)[:6])
}

// linking gives a page whose links lead into the folder of an edition, so that a
// browser has to load it once.
func (f *file) linking(edition string) (*file, error) {
	return newFile(".html", bytes.ReplaceAll(f.plain, []byte(`"`+Root), []byte(`"`+Root+edition+"/")))
}

// serve answers a GET or a HEAD. What does not last, a browser asks for each time:
// whether its copy is the latest.
func (f *file) serve(w http.ResponseWriter, r *http.Request, lasting bool) {
	header := w.Header()
	body, tag := f.plain, `"`+f.tag+`"`
	header.Set("Vary", "Accept-Encoding")
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		body, tag = f.packed, `"`+f.tag+`-gzip"` // RFC 9110, section 8.8.3.3: each coding has a tag of its own
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("ETag", tag)
	header.Set("Cache-Control", "no-cache")
	if lasting {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), f.tag) {
		header.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", f.contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) //nolint:gosec // G705: an embedded file, nothing of the request
	}
}

// acceptsGzip reads RFC 9110, section 12.5.3, as far as it is about gzip.
func acceptsGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q, found := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			value, err := strconv.ParseFloat(q, 64)
			return !found || err != nil || value > 0
		}
	}
	return false
}
