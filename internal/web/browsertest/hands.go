package browsertest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// errAbsent is of an element that is not there, or not to be reached now.
var errAbsent = errors.New("it is not there")

// Click clicks, with the mouse, what a screen reader would call by this role and
// name, in the first element of a CSS selector where one is given. What another
// element covers is waited for.
func (p *Page) Click(role, name string, within ...string) error {
	return p.with(role, name, within, func(ctx context.Context, node cdp.BackendNodeID) error {
		x, y, err := p.reachable(ctx, node)
		if err != nil {
			return err
		}
		return chromedp.Do(ctx, chromedp.MouseClickXY(x, y))
	})
}

// Fill types over what a field of this role and name holds.
func (p *Page) Fill(role, name, text string) error {
	return p.with(role, name, nil, func(ctx context.Context, node cdp.BackendNodeID) error {
		if _, _, err := p.reachable(ctx, node); err != nil {
			return err
		}
		if _, err := call[bool](ctx, node, "function() { this.focus(); this.select(); return true; }"); err != nil {
			return err
		}
		if text == "" {
			return chromedp.Do(ctx, chromedp.KeyEvent("\b"))
		}
		_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})
}

// Choose chooses an option of a list by its text.
func (p *Page) Choose(name, option string) error {
	return p.with("combobox", name, nil, func(ctx context.Context, node cdp.BackendNodeID) error {
		chosen, err := call[bool](ctx, node, `function(text) {
			const option = [...this.options].find((one) => one.text === text);
			if (!option || this.disabled) return false;
			option.selected = true;
			this.dispatchEvent(new Event('change', { bubbles: true }));
			return true;
		}`, option)
		if err == nil && !chosen {
			return errAbsent
		}
		return err
	})
}

// Await waits for an element of this role and name.
func (p *Page) Await(role, name string) error {
	return p.with(role, name, nil, func(context.Context, cdp.BackendNodeID) error { return nil })
}

// Has tells whether there is now an element of this role and name. A name of ""
// is any.
func (p *Page) Has(role, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	_, err := p.find(ctx, role, name, nil)
	if errors.Is(err, errAbsent) {
		return false, nil
	}
	return err == nil, err
}

// with does something with an element as soon as it can be done.
func (p *Page) with(role, name string, within []string, do func(context.Context, cdp.BackendNodeID) error) error {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	for {
		node, err := p.find(ctx, role, name, within)
		if err == nil {
			err = do(ctx, node)
		}
		if err == nil {
			return nil
		}
		select {
		case <-time.After(30 * time.Millisecond): // also over a navigation, or where it is drawn anew
		case <-ctx.Done():
			return fmt.Errorf("%s %q: %w", role, name, err)
		}
	}
}

// find gives the first element of a role and name that is not kept from people: a
// dialog, say, keeps what is under it.
func (p *Page) find(ctx context.Context, role, name string, within []string) (cdp.BackendNodeID, error) {
	root := "document"
	if len(within) > 0 {
		root = "document.querySelector(" + strconv.Quote(within[0]) + ")"
	}
	found, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: root})
	if err != nil {
		return 0, err
	}
	if found.Result.ObjectID == "" {
		return 0, errAbsent
	}
	nodes, err := chromedp.Call(ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{
		ObjectID: found.Result.ObjectID, Role: role, AccessibleName: name,
	})
	if err != nil {
		return 0, err
	}
	for _, node := range nodes.Nodes {
		if !node.Ignored {
			return node.BackendDOMNodeID, nil
		}
	}
	return 0, errAbsent
}

// reachable scrolls to an element and gives its middle, where a click would meet it.
func (p *Page) reachable(ctx context.Context, node cdp.BackendNodeID) (x, y float64, err error) {
	place, err := call[[]float64](ctx, node, `async function() {
		this.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
		const middle = () => { const box = this.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; };
		const before = middle();
		await new Promise((drawn) => requestAnimationFrame(drawn));
		const [x, y] = middle();
		const met = document.elementFromPoint(x, y);
		const free = met && (this.contains(met) || met.contains(this) && !met.matches('body, html, dialog') || [...this.labels ?? []].some((label) => label.contains(met)));
		return free && !this.disabled && x === before[0] && y === before[1] ? [x, y] : [];
	}`)
	if err != nil || len(place) != 2 {
		return 0, 0, errors.Join(err, errAbsent)
	}
	return place[0], place[1], nil
}

// call calls a function of JavaScript on an element.
func call[T any](ctx context.Context, node cdp.BackendNodeID, function string, args ...any) (result T, err error) {
	resolved, err := chromedp.Call(ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: node})
	if err != nil {
		return result, err
	}
	await := true
	return chromedp.Run(ctx, chromedp.CallFunctionOn[T](function, func(p *runtime.CallFunctionOnParams) {
		p.ObjectID, p.AwaitPromise = resolved.Object.ObjectID, &await
	}, args...))
}
