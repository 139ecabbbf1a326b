// Before each test the window is new: no memory, no address, no theme.
import { beforeEach } from 'vitest';
import '../src/style/base.css';

beforeEach(() => {
  localStorage.clear();
  window.location.hash = '';
  delete document.documentElement.dataset['theme'];
});
