package browsertest

import (
	"fmt"
	"strconv"
)

// Stop is a page to look at: its name, and its place in the fragment.
type Stop struct{ Name, Place string }

// Tour looks at pages of the dashboard: see [Page.Look]. Somebody is signed in already.
func (p *Page) Tour(folder string, stops []Stop) (wrong []string, err error) {
	for _, stop := range stops {
		if err := p.Go(stop.Place); err != nil {
			return wrong, fmt.Errorf("%s: %w", stop.Name, err)
		}
		found, err := p.Look(folder, stop.Name)
		if err != nil {
			return wrong, err
		}
		wrong = append(wrong, found...)
	}
	return wrong, nil
}

// Look looks at the page as it stands in every theme and width, keeps a screenshot of
// each below folder, and gives what is wrong: rules of axe-core that are broken, faults
// of the page, and what is wider than the screen.
func (p *Page) Look(folder, page string) (wrong []string, err error) {
	for _, theme := range Themes() {
		for _, width := range Widths() {
			name := fmt.Sprintf("%s-%d-%s", page, width, theme)
			found, err := p.look(folder, name, width, theme)
			if err != nil {
				return wrong, fmt.Errorf("%s: %w", name, err)
			}
			wrong = append(wrong, found...)
		}
	}
	return wrong, nil
}

// Go leads to a place within the dashboard, such as /devices, and waits for it.
func (p *Page) Go(place string) error {
	if _, err := Evaluate[string](p, "location.hash = "+strconv.Quote(place)); err != nil {
		return err
	}
	if err := p.nextFrame(); err != nil {
		return err
	}
	return p.Settle()
}

// nextFrame waits until what was changed is on the screen.
func (p *Page) nextFrame() error {
	_, err := Evaluate[bool](p, "new Promise((drawn) => requestAnimationFrame(() => setTimeout(() => drawn(true), 50)))")
	return err
}

func (p *Page) look(folder, name string, width int64, theme string) (wrong []string, err error) {
	if err := p.See(width, theme); err != nil {
		return nil, err
	}
	if err := p.nextFrame(); err != nil {
		return nil, err
	}
	if err := p.Screenshot(folder, name); err != nil {
		return nil, err
	}
	violations, err := p.Violations()
	if err != nil {
		return nil, err
	}
	for _, violation := range violations {
		wrong = append(wrong, name+": "+violation.String())
	}
	for _, fault := range p.Faults() {
		wrong = append(wrong, name+": "+fault)
	}
	beyond, err := Evaluate[bool](p, "document.documentElement.scrollWidth > innerWidth")
	if beyond {
		wrong = append(wrong, name+": the page is wider than the screen")
	}
	return wrong, err
}
