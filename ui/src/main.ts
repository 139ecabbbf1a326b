// The entry: draws the shell at once and asks the host for the rest.
import { mount } from 'svelte';
import App from './App.svelte';
import './style/base.css';

mount(App, { target: document.body });
