// The port through which every screen reaches Rust. Two things stand behind it: the real shell (tauri.ts) and a
// scripted one (fake.ts) for tests and for a plain browser.
import type {
  AccountDetail,
  AppEvent,
  AppInfo,
  AttemptView,
  BrowserView,
  CallRequest,
  CallResponse,
  CatalogueEntry,
  ErrorView,
  FindingView,
  FlowEventView,
  KeptView,
  ProviderInput,
  ProviderView,
  ReceiptView,
  RetriedView,
  RouteView,
  SavedReport,
  SignInRequest,
  SignOutWayView,
} from './bindings';

/** What a command gives back: what was asked for, or why not. A promise of it never rejects. */
export type Answer<T> = { status: 'ok'; data: T } | { status: 'error'; error: ErrorView };

export interface Host {
  /** What this build is. */
  appInfo(): Promise<Answer<AppInfo>>;
  /** Tells `listener` everything as it is now (`snapshot`), and then each change. */
  subscribe(listener: (event: AppEvent) => void): Promise<Answer<null>>;
  /** Says that what was told first is drawn, for work that can wait until then. */
  drawn(): Promise<Answer<null>>;
  /** Starts a sign-in, in the place of one that is going on. */
  signIn(request: SignInRequest): Promise<Answer<AttemptView>>;
  /** Ends the attempt at once. */
  cancelSignIn(id: string): Promise<Answer<null>>;
  /** Keeps whoever signed in, although another person was expected. */
  keepAnother(id: string): Promise<Answer<null>>;
  /** Ends the attempt in which another person signed in, and has the provider asked again. */
  askAgain(id: string): Promise<Answer<AttemptView>>;
  /** Opens the attempt's page in the browser once more. */
  openAgain(id: string): Promise<Answer<null>>;
  /** Ends the attempt, and begins the same sign-in by another way back. */
  goBy(id: string, route: RouteView): Promise<Answer<AttemptView>>;
  /** Puts the attempt's link on the clipboard. The link itself stays in Rust. */
  copyLink(id: string): Promise<Answer<null>>;
  /** Hands over the address that the person's browser shows at the end. */
  pasteCallback(id: string, text: string): Promise<Answer<null>>;
  /** An account with its identity, permissions and checks. */
  accountDetail(id: string): Promise<Answer<AccountDetail>>;
  /** Every secret that is kept of an account: where, how large and why, never what it is. */
  accountStorage(id: string): Promise<Answer<KeptView[]>>;
  /** Everything that is kept beside the accounts, such as what a sign-out that is not finished has to give back. */
  otherStorage(): Promise<Answer<KeptView[]>>;
  /** Moves what is kept of an account into memory, until the app quits, or into the keychain. */
  moveStorage(id: string, untilQuit: boolean): Promise<Answer<null>>;
  /** The browsers that are installed here and can be chosen for an account. */
  browsers(): Promise<Answer<BrowserView[]>>;
  /** Has an account's pages opened in a browser from now on; `null` for the system's default. */
  setBrowser(id: string, browser: string | null): Promise<Answer<null>>;
  /** Ends an account here, and at the provider as far as that goes and `way` asks for. */
  signOut(id: string, way: SignOutWayView): Promise<Answer<ReceiptView>>;
  /** Tries once more to finish a sign-out that the provider could not be told of. */
  retrySignOut(id: string): Promise<Answer<RetriedView>>;
  /** Gives such a sign-out up, and deletes what is here of it. */
  forgetSignOut(id: string): Promise<Answer<null>>;
  /** Opens the provider's sign-out page, for an account that was just signed out. An event tells how it ends. */
  signOutInBrowser(id: string): Promise<Answer<null>>;
  /** The known calls of the account's provider. */
  catalogue(account: string): Promise<Answer<CatalogueEntry[]>>;
  /** Calls an API as an account. */
  call(request: CallRequest): Promise<Answer<CallResponse>>;
  /** Tries what a sign-in needs, before any browser opens. */
  checkUp(): Promise<Answer<FindingView[]>>;
  /** Puts right what a check-up found, by the id of the repair that it named. */
  repair(id: string): Promise<Answer<null>>;
  /** Adds or changes a provider. */
  saveProvider(input: ProviderInput): Promise<Answer<ProviderView>>;
  /** Removes a provider that was added here. */
  removeProvider(id: string): Promise<Answer<null>>;
  /** Opens the page where a provider lists what the app may do, named by account or provider. */
  openProviderPage(of: string): Promise<Answer<null>>;
  /** What happened in this run, step by step, oldest first, as much as is kept. */
  flows(): Promise<Answer<FlowEventView[]>>;
  /** Writes what happened in a flow to a JSON and a Markdown file in the person's Downloads folder. */
  saveReport(flow: number): Promise<Answer<SavedReport>>;
}

/** An error in the window itself, as if Rust had sent it. */
export function fault(
  code: string,
  message: string,
  hint: string,
  detail: string | null,
): ErrorView {
  return { code, message, hint, detail };
}
