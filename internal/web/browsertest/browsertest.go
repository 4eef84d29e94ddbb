// Package browsertest drives the dashboard in a real Chromium: what tests do with
// a page, what they hear of its faults, how accessible it is, and how it looks.
package browsertest

import (
	"context"
	_ "embed" // axe-core
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

//go:embed axe.min.js
var axe string

// Widths are those at which pages are looked at: a phone's, a tablet's, a wide
// screen's, in CSS pixels.
func Widths() []int64 { return []int64{390, 1024, 1600} }

// Themes are the appearances, as prefers-color-scheme names them.
func Themes() []string { return []string{"light", "dark"} }

// patience is how long a page may take to show what is waited for.
const patience = 15 * time.Second

// Page is a tab, with what went wrong in it.
type Page struct {
	ctx context.Context //nolint:containedctx // chromedp keeps its tab in a context

	mu       sync.Mutex
	faults   []string
	requests []Request
}

// Open starts a Chromium with one tab, which ends with ctx and closeIt. options
// are beside those that a test needs.
func Open(ctx context.Context, options ...chromedp.ExecAllocatorOption) (p *Page, closeIt func(), err error) {
	b, closeBrowser, err := Start(ctx, options...)
	if err != nil {
		return nil, nil, err
	}
	p, closePage, err := b.Open()
	if err != nil {
		closeBrowser()
		return nil, nil, err
	}
	return p, func() { closePage(); closeBrowser() }, nil
}

// hear keeps what a page must not do: throw, log an error, break its policy, hold
// people up.
func (p *Page) hear(event any) {
	var fault string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		fault = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			fault += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type != runtime.ConsoleAPICalledTypeError {
			return
		}
		for _, argument := range e.Args {
			fault += string(argument.Value) + argument.Description + " "
		}
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError || e.Entry.Source == log.EntrySourceNetwork {
			return // that the API refused something is not the page's fault
		}
		fault = e.Entry.Text
	case *page.EventJavascriptDialogOpening:
		fault = "a dialog: " + e.Message
	default:
		p.hearNetwork(event)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, fault)
}

// Faults gives what went wrong in the page since it was asked last: exceptions,
// errors on the console, breaches of the Content-Security-Policy.
func (p *Page) Faults() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	faults := p.faults
	p.faults = nil
	return faults
}

// Do runs actions, all together within some seconds.
func (p *Page) Do(actions ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, actions...)
}

// Evaluate gives the value of an expression of JavaScript, or of its promise.
func Evaluate[T any](p *Page, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Until waits for a condition of JavaScript to hold.
func (p *Page) Until(condition string) error {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	for {
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		if holds {
			return nil
		}
		select {
		case <-time.After(30 * time.Millisecond): // also over a navigation, which fails it for a moment
		case <-ctx.Done():
			return fmt.Errorf("%s did not come to be: %w", condition, errors.Join(err, ctx.Err()))
		}
	}
}

// Settle waits until the page shows content and nothing of it is being read.
func (p *Page) Settle() error {
	return p.Until(`document.querySelector('main h1') && !document.querySelector('.waiting, [aria-busy="true"]')`)
}

// See sets the width and the theme.
func (p *Page) See(width int64, theme string) error {
	height := int64(900)
	if width < 500 {
		height = 844
	}
	_, err := chromedp.Call(p.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500,
	})
	if err != nil {
		return err
	}
	_, err = chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	return err
}

// Screenshot writes what the page shows, over its whole height, to folder/name.png.
func (p *Page) Screenshot(folder, name string) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name+".png"), shot, 0o600)
}

// Violation is a rule of axe-core that the page breaks.
type Violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// String gives the rule and where it is broken.
func (v Violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s", v.ID, v.Impact, v.Help)
	for _, node := range v.Nodes {
		fmt.Fprintf(&b, "\n  %s\n    %s", node.HTML, strings.ReplaceAll(node.Summary, "\n", " "))
	}
	return b.String()
}

// Violations asks axe-core what is wrong with the page as it stands.
func (p *Page) Violations() ([]Violation, error) {
	if _, err := Evaluate[bool](p, axe+"; true"); err != nil {
		return nil, err
	}
	told, err := Evaluate[string](p, `axe.run(document, {resultTypes: ['violations']}).then((found) => JSON.stringify(found.violations))`)
	if err != nil {
		return nil, err
	}
	var found []Violation
	return found, json.Unmarshal([]byte(told), &found)
}
