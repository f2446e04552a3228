# ruff: noqa
# fmt: off
# Below this line: the notes' own script, letter for letter. `notes_run.py` runs it.
# 모듈 임포트
import tensorflow as tf
import matplotlib.pyplot as plt
from tensorflow.keras.datasets import mnist
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Flatten, Dense
# MNIST 데이터셋 가져오기
(x_train, y_train), (x_test, y_test) = mnist.load_data()
# 데이터 정규화: 입력 데이터에 대해서만 적용, 데이터 스케일링(data scaling)
x_train, x_test = x_train / 255.0, x_test / 255.0
ds = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(10000)
train_size = int(len(x_train) * 0.7) # 학습데이터셋 : 검증데이터셋 = 7:3
print(train_size)
train_ds = ds.take(train_size).batch(20)
val_ds = ds.skip(train_size).batch(20)
#MINST 분류 모델 구성(신경망 모델)
# 케라스의 시퀀셜 모델 방식
# 1) 모델 생성
# 2) 계층 객체를 추기
model = Sequential()
model.add(Flatten(input_shape= (28, 28)))
model.add(Dense(20, activation='relu')) # fully_connected
model.add(Dense(20, activation='relu'))
model.add(Dense(10, activation='softmax'))
# 모델 생성
# 컴파일: 1)최적화 함수, 2)손실 함수, 3)평가 지표
model.compile(loss='sparse_categorical_crossentropy',
optimizer='sgd',
metrics=['accuracy'])
# 모델 학습
hist = model.fit(train_ds, validation_data=val_ds, epochs=10)
print('모델 평가')
model.evaluate(x_test, y_test)
model.save('mnist_model.h5')
# 학습 결과를 그래프로 그리기
fig, loss_ax = plt.subplots()
acc_ax = loss_ax.twinx()
loss_ax.plot(hist.history['loss'], 'y', label='train loss')
loss_ax.plot(hist.history['val_loss'], 'r', label='val loss')
acc_ax.plot(hist.history['accuracy'], 'b', label='train acc')
acc_ax.plot(hist.history['val_accuracy'], 'g', label='val acc')
loss_ax.set_xlabel('epoch')
loss_ax.set_ylabel('loss')
acc_ax.set_ylabel('accuracy')
loss_ax.legend(loc='upper left')
acc_ax.legend(loc='lower left')
plt.show()
