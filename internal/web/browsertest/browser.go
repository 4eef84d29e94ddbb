package browsertest

import (
	"context"
	"fmt"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// Browser is a Chromium that several tests share: each page that is opened has
// cookies and storage of its own.
type Browser struct {
	ctx context.Context //nolint:containedctx // chromedp keeps its browser in a context
}

// Start starts a Chromium, which ends with ctx and closeIt. options are beside
// those that a test needs.
func Start(ctx context.Context, options ...chromedp.ExecAllocatorOption) (b *Browser, closeIt func(), err error) {
	all := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("lang", "en-GB"))
	allocator, stop := chromedp.NewExecAllocator(ctx, append(all, options...)...)
	first, closeFirst := chromedp.NewContext(allocator)
	closeIt = func() { closeFirst(); stop() }
	if _, err := chromedp.Call(first, log.Enable, cdp.Empty{}); err != nil {
		closeIt()
		return nil, nil, fmt.Errorf("no Chromium (install the package chromium): %w", err)
	}
	return &Browser{ctx: first}, closeIt, nil
}

// Open opens a page as somebody who was never here before.
func (b *Browser) Open() (p *Page, closeIt func(), err error) {
	return attach(b.ctx, chromedp.WithNewBrowserContext())
}

// Beside opens another tab for the same person.
func (p *Page) Beside() (beside *Page, closeIt func(), err error) {
	return attach(p.ctx)
}

// Opened gives the window that the page opens while do runs.
func (p *Page) Opened(do func() error) (opened *Page, closeIt func(), err error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	opener := chromedp.FromContext(p.ctx).Target.TargetID // others open windows in the same browser
	found := chromedp.WaitNewTarget(ctx, func(info *target.Info) bool { return info.OpenerID == opener })
	if err := do(); err != nil {
		return nil, nil, err
	}
	select {
	case id := <-found:
		return attach(p.ctx, chromedp.WithTargetID(id))
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("no window opened: %w", ctx.Err())
	}
}

func attach(from context.Context, options ...chromedp.ContextOption) (p *Page, closeIt func(), err error) {
	p = &Page{}
	tab, closeTab := chromedp.NewContext(from, append(options, chromedp.WithListener(p.hear))...)
	p.ctx = tab
	if _, err := chromedp.Call(tab, log.Enable, cdp.Empty{}); err != nil {
		closeTab()
		return nil, nil, err
	}
	return p, closeTab, nil
}

// Hide minimizes the page's window, so that the page is hidden, or puts it back.
func (p *Page) Hide(hidden bool) error {
	window, err := chromedp.Call(p.ctx, browser.GetWindowForTarget, browser.GetWindowForTargetParams{})
	if err != nil {
		return err
	}
	state := browser.WindowStateNormal
	if hidden {
		state = browser.WindowStateMinimized
	}
	_, err = chromedp.Call(p.ctx, browser.SetWindowBounds, browser.SetWindowBoundsParams{
		WindowID: window.WindowID, Bounds: &browser.Bounds{WindowState: state},
	})
	if err != nil {
		return err
	}
	return p.Until(fmt.Sprintf("document.hidden === %t", hidden))
}

// KeepDownloads has the files that the page hands over written to a folder.
func (p *Page) KeepDownloads(folder string) error {
	_, err := chromedp.CallBrowser(p.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder,
		BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
	})
	return err
}

// OnEachDocument runs a script at the beginning of each document that the page loads.
func (p *Page) OnEachDocument(script string) error {
	_, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	return err
}
