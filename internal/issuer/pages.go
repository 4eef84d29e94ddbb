package issuer

import (
	"bytes"
	"embed"
	"net/http"
	"text/template"
	"text/template/parse"
)

//go:embed pages/*.html
var pageFiles embed.FS

// page is what the pages show. Every page shows some of it.
type page struct {
	Title      string
	Stylesheet string // its path; "" for none
	Problem    string // what went wrong, if anything

	Name   string // of the user
	Return string // where to go when signed in
	Token  string // of an invitation

	Action string  // of the form to sign out
	Fields []field // of the same

	Text      string // of a message
	RequestID string
}

type field struct{ Name, Value string }

// parsePages reads the pages. html/template would add a quarter of a megabyte to
// the program, and knows contexts that do not occur here: what these pages fill
// in stands between tags or in quoted attributes, where one way of escaping holds.
// So that none can be forgotten, each action gets it here.
func parsePages() *template.Template {
	pages := template.Must(template.ParseFS(pageFiles, "pages/*.html"))
	for _, t := range pages.Templates() {
		if t.Tree != nil {
			escapeActions(t.Root)
		}
	}
	return pages
}

// escapeActions has the outcome of each action below the node pass through the
// function html.
func escapeActions(node parse.Node) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return // an if without an else
		}
		for _, child := range n.Nodes {
			escapeActions(child)
		}
	case *parse.IfNode:
		escapeActions(n.List)
		escapeActions(n.ElseList)
	case *parse.RangeNode:
		escapeActions(n.List)
		escapeActions(n.ElseList)
	case *parse.WithNode:
		escapeActions(n.List)
		escapeActions(n.ElseList)
	case *parse.ActionNode:
		n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{
			NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{parse.NewIdentifier("html").SetPos(n.Pos)},
		})
	}
}

// show writes a page.
func (s *Server) show(w http.ResponseWriter, status int, name string, p *page) error {
	p.Stylesheet = s.Stylesheet
	var text bytes.Buffer
	if err := s.pages.ExecuteTemplate(&text, name, p); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // the browser may be gone
	return nil
}

// pageHeader keeps a page's contents to itself: nothing runs in it, nothing is
// loaded but from here, nobody frames it and no cache keeps it.
func (s *Server) pageHeader(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	if !s.isHTTPS(r) {
		// Browsers tell where a form comes from in Sec-Fetch-Site, but over plain
		// HTTP in Origin alone, which they leave empty where there is no referrer.
		h.Set("Referrer-Policy", "same-origin")
	}
	noStore(w)
}
