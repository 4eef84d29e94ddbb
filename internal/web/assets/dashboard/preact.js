// The one place that knows where Preact comes from.
export {
  html, render, createContext, useCallback, useContext, useEffect, useErrorBoundary, useLayoutEffect, useMemo, useRef, useState,
} from './vendor/htm-preact.js';
