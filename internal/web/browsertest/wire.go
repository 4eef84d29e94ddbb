package browsertest

import (
	"slices"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Request is one that the page made.
type Request struct {
	Method, URL string
	Bytes       float64 // that came back over the wire, with the headers; 0 until all are there

	id network.RequestID
}

// hearNetwork keeps what the page asks of whom.
func (p *Page) hearNetwork(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, Request{Method: e.Request.Method, URL: e.Request.URL, id: e.RequestID})
	case *network.EventLoadingFinished:
		for i := range slices.Backward(p.requests) { // a redirect has the id of what led to it
			if p.requests[i].id == e.RequestID {
				p.requests[i].Bytes = e.EncodedDataLength
				return
			}
		}
	}
}

// ForgetFiles empties the browser's cache.
func (p *Page) ForgetFiles() error {
	_, err := chromedp.Call(p.ctx, network.ClearBrowserCache, cdp.Empty{})
	return err
}

// Requests gives what the page asked for since it was asked last.
func (p *Page) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	requests := p.requests
	p.requests = nil
	return requests
}
