// Every text of the studio: `key: [English, Korean]`, one table a screen.
import { TRAIN } from "./texts_train.js";
import { SEEING } from "./texts_seeing.js";
import { MEASURING } from "./texts_measuring.js";

const SHELL = {
  skip: ["Skip to the content", "본문으로 건너뛰기"],
  screens: ["Screens", "화면"],
  train: ["Train", "학습"],
  runs: ["Runs", "실행"],
  draw: ["Draw", "그리기"],
  look: ["Look inside", "들여다보기"],
  sweep: ["Sweep", "스윕"],
  test: ["Test", "시험"],
  theme: ["Light or dark", "밝은 화면, 어두운 화면"],
  language: ["한국어로 보기", "View in English"],
  other: ["한국어", "English"],
  copyLink: ["Copy the link of this screen", "이 화면의 링크 복사"],
  noScreen: ["There is no screen called “{0}”.", "‘{0}’(이)라는 화면은 없습니다."],
  linkCopied: ["Link copied.", "링크를 복사했습니다."],
  away: [
    "The studio's server does not answer. What trains goes on; start “sonmat studio” again if it ended.",
    "스튜디오 서버가 응답하지 않습니다. 학습은 계속됩니다. 끝났다면 sonmat studio를 다시 실행해 주십시오.",
  ],
  warming: ["getting ready", "준비 중"],
  ready: ["ready", "준비됨"],
  busy: ["training", "학습 중"],
  dead: ["starting again", "다시 시작하는 중"],
  wrong: ["That did not work.", "실패했습니다."],
  run: ["run", "실행"],
  pickRun: ["Which run", "실행 고르기"],
  noRuns: ["No run has been trained yet.", "아직 학습한 실행이 없습니다."],
  trainOne: ["Train one", "학습하러 가기"],
  cancel: ["Cancel", "취소"],
  loading: ["one moment …", "잠시만 기다려 주십시오 …"],
  loss: ["loss", "손실"],
  accuracy: ["accuracy", "정확도"],
  training: ["training", "학습 데이터"],
  validation: ["validation", "검증 데이터"],
  epoch: ["epoch", "에포크"],
  yes: ["yes", "예"],
  seconds: ["{0} s", "{0}초"],
  minutes: ["{0} min {1} s", "{0}분 {1}초"],
  sTraining: ["training", "학습 중"],
  sWaiting: ["waiting", "대기 중"],
  sFinished: ["finished", "완료"],
  sInterrupted: ["interrupted", "중단됨"],
  sStopped: ["stopped", "멈춤"],
  sFailed: ["failed", "실패"],
  beside: ["beside", "나란히"],
  none: ["none", "없음"],
  close: ["Close", "닫기"],
  more: ["{0} more", "{0}개 더"],
};

const TABLE = { ...SHELL, ...TRAIN, ...SEEING, ...MEASURING };

export const korean = () => document.documentElement.lang === "ko";

/** A text in the page's language, its `{0}`, `{1}` … filled in. @param {string} key @param {...any} values @returns {string} */
export function t(key, ...values) {
  const pair = TABLE[key];
  if (!pair) throw new Error(`no text ${key}`);
  return pair[korean() ? 1 : 0].replace(/\{(\d)\}/g, (_, i) => String(values[i]));
}
/** Whether there is such a text. */
export const known = (key) => key in TABLE;

/** The name of a run's state. */
export const stateName = (state) => t(`s${state[0].toUpperCase()}${state.slice(1)}`);

const whole = (value) => Math.round(value).toLocaleString("en-US");
/** A count with its thousands set apart. */
export const count = (value) => (value === null || value === undefined ? "–" : whole(value));
/** A share as a percentage. */
export const percent = (value, digits = 2) =>
  value === null || value === undefined || !Number.isFinite(value) ? "–" : `${(100 * value).toFixed(digits)} %`;
/** A loss or another number, four digits. */
export const number = (value, digits = 4) =>
  value === null || value === undefined || !Number.isFinite(value)
    ? "–"
    : value !== 0 && (Math.abs(value) < 0.001 || Math.abs(value) >= 1e5)
      ? value.toExponential(2)
      : String(Number(value.toPrecision(digits)));
/** A time in words. */
export function time(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds < 60) return t("seconds", seconds < 10 ? seconds.toFixed(1) : Math.round(seconds));
  return t("minutes", Math.floor(seconds / 60), Math.round(seconds % 60));
}
/** When something was made, short; `exact` to the second. @param {string} iso @param {boolean} [exact] */
export function when(iso, exact = false) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "–";
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(
    korean() ? "ko-KR" : "en-GB",
    {
      ...(today ? {} : { month: "short", day: "numeric" }),
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
      ...(exact ? { second: "2-digit" } : {}),
    },
  );
}
